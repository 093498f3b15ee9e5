"""Commands and pages of hide and seek."""
