# Warnings and hardening for everything in this tree.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_compile_options(-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2
    -Wno-format-nonliteral)
add_compile_definitions(_POSIX_C_SOURCE=200809L _FILE_OFFSET_BITS=64)
if(APPLE)
    add_compile_definitions(_DARWIN_C_SOURCE)
else()
    add_compile_definitions(_DEFAULT_SOURCE)
endif()

# Conversions must give the same bits everywhere: no fused multiply-add.
add_compile_options(-ffp-contract=off -fstack-protector-strong)
foreach(flag -fstack-clash-protection -fcf-protection)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    check_c_compiler_flag(${flag} ${have})
    if(${have})
        add_compile_options(${flag})
    endif()
endforeach()
if(NOT APPLE)
    add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
    # Relocations in a thirtieth of the room; from glibc 2.36 and binutils 2.38 on.
    check_linker_flag(C -Wl,-z,pack-relative-relocs HAVE_pack_relative_relocs)
    if(HAVE_pack_relative_relocs AND NOT VANTA_SANITIZE)
        add_link_options(-Wl,-z,pack-relative-relocs)
    endif()
endif()

if(VANTA_SANITIZE)
    add_compile_options(-fsanitize=${VANTA_SANITIZE} -fno-sanitize-recover=all
        -fno-omit-frame-pointer -g)
    # Under the sanitizers' own code gcc sees paths that are none.
    if(CMAKE_C_COMPILER_ID STREQUAL GNU)
        add_compile_options(-Wno-maybe-uninitialized -Wno-format-truncation)
    endif()
    add_link_options(-fsanitize=${VANTA_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL Release)
    add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(VANTA_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
