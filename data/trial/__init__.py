"""The trial of 2021-22: network, sites, forecasts and trades. See README.md."""
