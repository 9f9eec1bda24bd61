"""Pages of sites and of applications: registrations and capacity variations."""
