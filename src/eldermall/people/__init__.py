"""People: who is designated for a link of daily operation, who heads, who leads, who looks after
which merchant. The shop keeps its users; here stand only their ids and the spans of their duty.
"""
