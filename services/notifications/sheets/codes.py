"""Draws QR codes as SVG."""

import segno


def svg_of(address: str) -> str:
    """Draw the code of an address; without a size of its own, whoever shows it decides."""
    return segno.make(address, error="m", micro=False).svg_inline(
        border=4, scale=4, omitsize=True, dark="#000", light="#fff"
    )
