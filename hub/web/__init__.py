"""What staff see of the school: pages that read the books, and forms that ask the desk. Nothing is decided or stored here."""
