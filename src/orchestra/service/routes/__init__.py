"""The routes, one file per resource. Each names its permission (`authorization.needs`); none looks at roles."""
