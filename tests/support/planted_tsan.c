/* A data race on purpose: ./dev tsan must notice it. (Criterion does not start under ThreadSanitizer.) */
#include <pthread.h>
#include <stddef.h>

static int shared;

static void *count_up(void *user)
{
    (void)user;
    for (int i = 0; i < 1000; i++)
        shared++;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, count_up, NULL) != 0)
        return 2;
    count_up(NULL);
    return pthread_join(thread, NULL);
}
