"""Import of open-Qcat course catalogues (KURSNET)."""
