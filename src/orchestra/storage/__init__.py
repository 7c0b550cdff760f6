"""Storage: the only code that knows SQL. Rows go in and come out as the domain's frozen values.

Start with `database` (how functions of a connection are executed), `schema` (the tables), and
`runs`, the only writer of a run's status. Every other module holds the functions of one entity.
They take the connection first, then values; time and random bytes come as arguments. What they
return are values of `domain`, never rows.
"""
