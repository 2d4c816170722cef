"""``python -m ava_np``: the ``ava`` command without its console script."""

from ava_np.cli import main

if __name__ == "__main__":
    main()
