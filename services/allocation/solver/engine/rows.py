"""Rows of a linear program, collected as (row, column, value) triples."""

from __future__ import annotations

import highspy
import numpy as np
from numpy.typing import NDArray

from services.allocation.solver.engine.mincost import Ints

Floats = NDArray[np.float64]


class Rows:
    """Rows of a model."""

    def __init__(self) -> None:
        self._lower: list[Floats] = []
        self._upper: list[Floats] = []
        self._triples: list[tuple[Ints, Ints, Floats]] = []
        self._count = 0

    def add(self, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats) -> None:
        """Add rows; `row` counts from 0 within them."""
        self._triples.append((row + self._count, column, value))
        self._lower.append(lower)
        self._upper.append(upper)
        self._count += len(lower)

    def program(self, lower: Floats, upper: Floats) -> highspy.HighsLp:
        """Write a program with these rows, columns between two bounds, and nothing to minimise yet."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self._triples, strict=True))
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(self._count + 1))
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(lower), self._count
        program.col_cost_ = np.zeros(len(lower))
        program.col_lower_, program.col_upper_ = lower, upper
        program.row_lower_, program.row_upper_ = np.concatenate(self._lower), np.concatenate(self._upper)
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_ = starts.astype(np.int32)
        program.a_matrix_.index_ = columns[order].astype(np.int32)
        program.a_matrix_.value_ = values[order]
        return program
