"""What runs inside a task of a pipeline: thin clients of the API that create or attach, wait and
print."""
