/* A hash map from text to a pointer, with a maximum: the mock remembers much, but never without bound. */
#ifndef MOCK_MAP_H
#define MOCK_MAP_H

#include "base/error.h"

#include <stdbool.h>

typedef struct mock_map mock_map;

/* free_value is called for each value that leaves the map; NULL: values are borrowed. */
iscep_status mock_map_new(mock_map **out, size_t max_entries, void (*free_value)(void *value),
                          iscep_error *err) ISCEP_CHECKED;
void mock_map_free(mock_map *map);
void mock_map_clear(mock_map *map);
size_t mock_map_count(const mock_map *map);
void *mock_map_get(const mock_map *map, const char *key); /* NULL if absent */
/* The key is copied and must not be there yet. NOMEM, also when the map is full: the value stays the caller's. */
iscep_status mock_map_put(mock_map *map, const char *key, void *value, iscep_error *err) ISCEP_CHECKED;
void mock_map_remove(mock_map *map, const char *key);

#endif
