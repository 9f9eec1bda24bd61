"""The entry of every make target. Its syntax suits old Pythons, which are told to go."""

import sys

OLDEST = (3, 11)

if __name__ == "__main__":
    if sys.version_info[:2] < OLDEST:
        print(
            "This needs Python 3.11 or later and "
            + sys.executable
            + " is "
            + sys.version.split()[0]
            + ": choose another, for example make run PYTHON=python3.12."
        )
        sys.exit(1)
    from tools.commands import main

    sys.exit(main(sys.argv[1:]))
