"""``manul flash``: from an image and a box of cards to checked, labelled units."""
