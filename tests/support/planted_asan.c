/* A leak on purpose, in a Criterion test, which Criterion calls passed: ./dev asan must notice it all the same. */
#include <criterion/criterion.h>
#include <stdlib.h>

static void *volatile lost;

Test(planted, leaks)
{
    lost = malloc(17);
    lost = NULL;
    cr_assert(1);
}
