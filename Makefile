# Each target is one command of tools/: see there. PYTHON= chooses the interpreter, PORT= the port.
PYTHON ?= python3
PORT ?= 8000
export PORT

.PHONY: run demo test check bench install clean
run demo test check bench install clean:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "There is no $(PYTHON) here: install Python 3.11 or later, or choose one with PYTHON=." >&2; \
	  exit 1; }
	@exec "$(PYTHON)" -B -m tools $@ $(ARGS)

.DEFAULT_GOAL := run
