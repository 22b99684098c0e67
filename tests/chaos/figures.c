/* See figures.h. */
#include "figures.h"

#include <stdlib.h>

void chaos_figures_add(chaos_figures *figures, const char *name, int64_t value, chaos_wish wish)
{
    if (figures->count == CHAOS_FIGURES_MAX)
        abort();
    figures->items[figures->count++] = (chaos_figure){name, value, wish};
}

static bool is_right(const chaos_figure *figure)
{
    return figure->wish == CHAOS_ANY || (figure->value == 0) == (figure->wish == CHAOS_NONE);
}

bool chaos_figures_are_right(const chaos_figures *figures)
{
    for (size_t i = 0; i < figures->count; i++)
        if (!is_right(&figures->items[i]))
            return false;
    return figures->count > 0;
}

void chaos_figures_print(const chaos_figures *figures, FILE *to)
{
    for (size_t i = 0; i < figures->count; i++) {
        const chaos_figure *figure = &figures->items[i];
        const char *word = figure->wish == CHAOS_ANY ? "-" : is_right(figure) ? "ok" : "WRONG";
        fprintf(to, "%s\t%lld\t%s\n", figure->name, (long long)figure->value, word);
    }
}
