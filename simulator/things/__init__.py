"""The contents of rooms: shapes, materials and the categories of objects. It does not know rooms."""
