// SPDX-License-Identifier: Apache-2.0

// A reproducer in the form of syzkaller's: one file, system calls, threads. It asks the kernel for the backtraces of all CPUs, twice.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *ask(void *keys)
{
	int fd = syscall(__NR_openat, AT_FDCWD, "/proc/sysrq-trigger", O_WRONLY, 0);

	if (fd < 0) {
		perror("/proc/sysrq-trigger");
		exit(1);
	}
	for (char *k = keys; *k; k++)
		syscall(__NR_write, fd, k, 1);
	syscall(__NR_close, fd);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc != 2 || pthread_create(&t, NULL, ask, argv[1]))
		return 2;
	return pthread_join(t, NULL);
}
