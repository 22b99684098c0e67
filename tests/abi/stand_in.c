/*
 * The stand-in for the connector as a program, for tests in other languages than C: stand-in SOCKET. What a transaction id begins
 * with is what becomes of it (storm_question.h): "allow-1" is allowed, "deny-1" is not. Ends when it is killed.
 */
#include <stdio.h>

#include "storm_connector.h"

int main(int argc, char **argv)
{
    static storm_connector_state state;
    if (argc != 2) {
        fputs("Usage: stand-in SOCKET\n", stderr);
        return 2;
    }
    storm_connector_run(argv[1], &state);
}
