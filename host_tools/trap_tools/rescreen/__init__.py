"""Any detector over an archive again: on this machine's processors, or on a Dask cluster; what was done is never done twice."""
