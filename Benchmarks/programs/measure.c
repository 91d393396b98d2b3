/* Runs a command and writes one line "status wall user sys maxrss_kib" to a file; CPU and memory are those of the
 * command and of all children it waited for. A small program of its own, because a child of a big process inherits
 * that process's peak memory in its account.
 * usage: measure RESULTFILE COMMAND ARG... */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    pid_t pid = fork();
    if (pid == 0) { execvp(argv[2], argv + 2); perror(argv[2]); _exit(127); }
    int status; struct rusage u;
    if (pid < 0 || wait4(pid, &status, 0, &u) < 0) { perror("measure"); return 1; }
    clock_gettime(CLOCK_MONOTONIC, &b);
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    FILE *f = fopen(argv[1], "w");
    if (!f) { perror(argv[1]); return 1; }
    fprintf(f, "%d %.6f %.6f %.6f %ld\n", code, b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9,
            u.ru_utime.tv_sec + u.ru_utime.tv_usec / 1e6, u.ru_stime.tv_sec + u.ru_stime.tv_usec / 1e6, u.ru_maxrss);
    fclose(f);
    return code;
}
