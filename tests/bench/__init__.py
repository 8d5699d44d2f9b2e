"""
Measurements, side by side in one run; never part of the test-suite.

``programs``     real programs, and what the system says of them
``pods``         the programs in the pod
``topologies``   the paths from a client to a pod
``measures``     what is measured of a path
``beside``       what becomes of connections beside one that is stuck or busy
``running``      one run: all rows, in rounds
``report``       medians, ratios, and the tables
``__main__``     the command line
``growth``       another one: whether the cost of one more stays flat
``claims``       what is promised, and whether it is kept
``picture``      the picture of the README
``stated``       a third one: what documents say, from the figures of a run
"""
