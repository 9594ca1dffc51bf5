"""What a cell asked of the kernel: every socket call of a block, and who waited when.

`trace()` records calls by subclassing `socket.socket` for the length of a block, `timeline()` draws
them, one lane for each socket. A recorded call is the very call: same arguments, same result, same
exception. Packets, tables and errors' texts live elsewhere.
"""
