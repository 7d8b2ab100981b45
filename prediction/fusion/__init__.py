"""How the present joins the forecast: what cameras report, less what is usual, weighs each cell's rates up or down.

`usual` learns what is usual, `excess` keeps what is unusual now, `weights` learns how much that means for each category,
`fuse` multiplies it into the rates, `alarms` puts alerts into order. docs/methods/fusion.md has the formulas.
"""
