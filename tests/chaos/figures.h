/* What came of it, as figures: some are for information, some must be nought, some must not be. */
#ifndef CHAOS_FIGURES_H
#define CHAOS_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum chaos_wish { CHAOS_ANY, CHAOS_NONE, CHAOS_SOME } chaos_wish;

typedef struct chaos_figure {
    const char *name; /* static storage */
    int64_t value;
    chaos_wish wish;
} chaos_figure;

#define CHAOS_FIGURES_MAX 64

typedef struct chaos_figures {
    chaos_figure items[CHAOS_FIGURES_MAX];
    size_t count;
} chaos_figures;

void chaos_figures_add(chaos_figures *figures, const char *name, int64_t value, chaos_wish wish);
/* Is every figure as it must be? */
bool chaos_figures_are_right(const chaos_figures *figures);
/* "name TAB value TAB ok|WRONG|-" a line. */
void chaos_figures_print(const chaos_figures *figures, FILE *to);

#endif
