"""Following one number through a net: what each operation made of what, as plain data, and the page that shows it."""
