/* What the headers of libiscep share: its version, and what a declaration says to a compiler. Since 1.0. */
#ifndef ISCEP_API_H
#define ISCEP_API_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The interface that a program is compiled for. The major number is that of libiscep.so.1, and changes when programs would
 * break; the minor number counts additions.
 */
#define ISCEP_API_MAJOR 1
#define ISCEP_API_MINOR 0

#if defined(__GNUC__)
#define ISCEP_API     __attribute__((visibility("default")))
#define ISCEP_CHECKED __attribute__((warn_unused_result))
#else
#define ISCEP_API
#define ISCEP_CHECKED
#endif

/*
 * The interface that is loaded, as text ("1.0"), which may be newer than the one a program was compiled for. Never NULL, never
 * freed.
 */
ISCEP_API const char *iscep_version(void);

#ifdef __cplusplus
}
#endif
#endif
