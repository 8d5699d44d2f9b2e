"""
Measurements, side by side in one run; never part of the test-suite.

``programs``     real programs, and what the system says of them
``topologies``   the paths from a client to a pod
``measures``     what is measured of a path
``report``       medians, ratios, and the table
``__main__``     the command line
``growth``       another one: whether the cost of one more stays flat
"""
