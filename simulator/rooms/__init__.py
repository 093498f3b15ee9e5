"""Generated rooms: their layout, fixtures and objects, and the places where objects are put."""
