"""`ballast demo`: a real year of incidents replayed through the running services, told as a table, a story and a picture."""
