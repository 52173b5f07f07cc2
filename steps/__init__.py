"""Step definitions, a module a hop, and the fixtures that they share. A step asks the library and says what it saw."""
