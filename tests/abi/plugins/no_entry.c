/* A shared object, and no plugin. */
int no_entry_at_all;
