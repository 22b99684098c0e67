/* See map.h: chains off a fixed bucket array, sized for the maximum. */
#include "map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BUCKETS ((size_t)1 << 18)

typedef struct node {
    struct node *next;
    void *value;
    char key[];
} node;

struct mock_map {
    node **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    size_t max_entries;
    void (*free_value)(void *value);
};

/* FNV-1a: keys come from tests, nobody attacks this table. */
static uint64_t hash(const char *key)
{
    uint64_t h = 14695981039346656037u;
    for (; *key != '\0'; key++)
        h = (h ^ (uint8_t)*key) * 1099511628211u;
    return h ^ (h >> 32);
}

/* The link that points to key's node, or to NULL at the end of its chain. */
static node **find(const mock_map *map, const char *key)
{
    node **link = &map->buckets[hash(key) & (map->bucket_count - 1)];
    while (*link != NULL && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    return link;
}

static void unlink_node(mock_map *map, node **link)
{
    node *gone = *link;
    *link = gone->next;
    if (map->free_value != NULL)
        map->free_value(gone->value);
    free(gone);
    map->count--;
}

iscep_status mock_map_new(mock_map **out, size_t max_entries, void (*free_value)(void *value),
                          iscep_error *err)
{
    *out = NULL;
    mock_map *map = calloc(1, sizeof(*map));
    if (map == NULL)
        return iscep_error_nomem(err);
    map->max_entries = max_entries;
    map->free_value = free_value;
    map->bucket_count = 16;
    while (map->bucket_count < max_entries && map->bucket_count < MAX_BUCKETS)
        map->bucket_count *= 2;
    map->buckets = calloc(map->bucket_count, sizeof(node *));
    if (map->buckets == NULL) {
        free(map);
        return iscep_error_nomem(err);
    }
    *out = map;
    return ISCEP_OK;
}

void mock_map_clear(mock_map *map)
{
    for (size_t i = 0; map->count > 0 && i < map->bucket_count; i++)
        while (map->buckets[i] != NULL)
            unlink_node(map, &map->buckets[i]);
}

void mock_map_free(mock_map *map)
{
    if (map == NULL)
        return;
    mock_map_clear(map);
    free(map->buckets);
    free(map);
}

size_t mock_map_count(const mock_map *map)
{
    return map->count;
}

void *mock_map_get(const mock_map *map, const char *key)
{
    const node *found = *find(map, key);
    return found == NULL ? NULL : found->value;
}

iscep_status mock_map_put(mock_map *map, const char *key, void *value, iscep_error *err)
{
    if (map->count == map->max_entries)
        return iscep_error_set(err, ISCEP_NOMEM, "map_full", "%zu entries are the maximum", map->max_entries);
    size_t key_len = strlen(key) + 1;
    node *added = malloc(sizeof(*added) + key_len);
    if (added == NULL)
        return iscep_error_nomem(err);
    memcpy(added->key, key, key_len);
    added->value = value;
    added->next = NULL;
    *find(map, key) = added;
    map->count++;
    return ISCEP_OK;
}

void mock_map_remove(mock_map *map, const char *key)
{
    node **link = find(map, key);
    if (*link != NULL)
        unlink_node(map, link);
}
