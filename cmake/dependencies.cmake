# Libraries from the system. libcurl and libarchive are needed for their headers only:
# they are loaded when they are first used (src/base/library.h).
if(APPLE)
    # Homebrew keeps these out of the default search path.
    find_program(BREW brew)
    foreach(keg curl libarchive openssl@3 icu4c)
        if(BREW)
            execute_process(COMMAND ${BREW} --prefix ${keg}
                OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
            if(prefix)
                set(ENV{PKG_CONFIG_PATH} "${prefix}/lib/pkgconfig:$ENV{PKG_CONFIG_PATH}")
            endif()
        endif()
    endforeach()
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(CURL REQUIRED libcurl>=7.85)
pkg_check_modules(ARCHIVE REQUIRED libarchive>=3.5)

if(APPLE)
    set(VANTA_CURL_LIBRARY "${CURL_LIBDIR}/libcurl.4.dylib")
    set(VANTA_ARCHIVE_LIBRARY "${ARCHIVE_LIBDIR}/libarchive.13.dylib")
else()
    set(VANTA_CURL_LIBRARY "libcurl.so.4")
    set(VANTA_ARCHIVE_LIBRARY "libarchive.so.13")
endif()
