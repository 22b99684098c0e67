# Writes a file down as a C array: cmake -DFROM=file -DTO=file.c -DNAME=name -P embed.cmake
file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(................................................................................)" "\\1\n    " bytes "${bytes}")
file(WRITE ${TO} "/* Made of ${FROM} by embed.cmake. */
#include <stddef.h>

extern const unsigned char ${NAME}[];
extern const size_t ${NAME}_len;
const unsigned char ${NAME}[] = {
    ${bytes}
};
const size_t ${NAME}_len = sizeof ${NAME};
")
