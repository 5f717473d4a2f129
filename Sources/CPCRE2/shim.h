// The functions of PCRE2 carry the code unit width in their names: ours are bytes.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
