/* See desk_pair.h. */
#include "desk_pair.h"

void desk_pair_open(desk *a, desk *b)
{
    desk_init(a);
    a->options.node = "node-a";
    desk_start(a);
    if (!test_postgres_is_there())
        return;
    desk_init(b);
    b->options.node = "node-b";
    b->options.database = a->options.database;
    b->world.next_random = 100; /* another process */
    desk_start(b);
}

void desk_pair_close(desk *a, desk *b)
{
    if (b->journal != NULL)
        desk_close(b);
    desk_close(a);
}

void desk_pair_advance(desk *a, desk *b, int64_t ms)
{
    fake_env_advance(&a->world, ms);
    if (b->journal != NULL)
        fake_env_advance(&b->world, ms);
}
