"""What runs in the jail: a copy of this folder and of ``observing``, and nothing else of ours.

``zygote`` waits with the libraries loaded and forks one worker a submission, ``cage`` shuts it in,
``sieve`` takes system calls away from it, ``worker`` runs its cells. Standard library, NumPy and
IPython's input transformer only.
"""
