"""The capacity register (domain 4.1): its arithmetic, what it reads, its history and answers."""
