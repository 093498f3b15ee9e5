"""What rooms are filled with: shapes, materials and the categories of objects; knows nothing of rooms."""
