"""What callers send. Unknown keys are refused by name; every bound is stated, so that the OpenAPI
document is the rule book's outer edge and `core.rules` the inner one."""
