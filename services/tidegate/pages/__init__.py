"""What people read in a browser: pages and charts as text, from answers of the API. Pure; without
scripts."""
