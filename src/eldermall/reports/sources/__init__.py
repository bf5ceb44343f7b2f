"""What an export may be: text, JSON, workbooks; told by its bytes, never by its name.

Each source yields for every row the cells of the columns that are wanted, in their order.
"""
