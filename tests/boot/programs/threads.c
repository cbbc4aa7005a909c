/* Threads that count under a mutex, wait for each other on a condition variable, and end. Prints one line. */
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 16, ROUNDS = 2000 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static long count, turn;
static __thread long own;

static void *work(void *argument)
{
    long me = (long)argument;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        count++;
        own++;
        pthread_mutex_unlock(&mutex);
    }
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % THREADS != me)
            pthread_cond_wait(&turn_changed, &mutex);
        turn++;
        pthread_cond_broadcast(&turn_changed);
        pthread_mutex_unlock(&mutex);
    }
    return (void *)own;
}

int main(void)
{
    pthread_t threads[THREADS];
    long sum = 0;
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    printf("count %ld sum %ld turn %ld\n", count, sum, turn);
    return count == sum && turn == 50 * THREADS ? 0 : 1;
}
