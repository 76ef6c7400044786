"""`python -m insurance` is the `insurance` command."""

from insurance.cli import main

main()
