"""The demo city: a simulated district whose figures follow the published ones and whose true risk is known.

A pure core: figures and geography are read from a folder handed in, all chance comes from one numpy Generator handed in.
`city.make_city` is the whole way: ground (`geography`, `streets`) → sites → times of the week (`profiles`) → incidents →
cameras; `truth` gives the true rate behind them. `cameras.lay_out` serves real cities too.
"""
