# The CMake packages llama, ggml and whisper: from VANTA_ENGINE_PREFIX when it is set, else
# the system's. Their versions must be in the ranges of deps/engines.lock. Sets
# VANTA_ENGINE_FOUND_PREFIX (where llama lies) and ggml_, llama_, whisper_VERSION.
# Linked by their targets: what ggml's backends are is known to its package alone.
if(NOT VANTA_ENGINE_LOCK)
    set(VANTA_ENGINE_LOCK ${CMAKE_CURRENT_LIST_DIR}/../deps/engines.lock)
endif()

# Engines of another prefix than the last time: nothing that was found there counts.
if(NOT "${VANTA_ENGINE_PREFIX}" STREQUAL "${VANTA_ENGINE_PREFIX_SEEN}")
    foreach(name llama_DIR ggml_DIR whisper_DIR llama_LIBRARY whisper_LIBRARY)
        unset(${name} CACHE)
    endforeach()
endif()
set(VANTA_ENGINE_PREFIX_SEEN "${VANTA_ENGINE_PREFIX}" CACHE INTERNAL "")

foreach(part ggml llama whisper)
    if(VANTA_ENGINE_PREFIX)
        find_package(${part} CONFIG REQUIRED PATHS ${VANTA_ENGINE_PREFIX} NO_DEFAULT_PATH)
    else()
        find_package(${part} CONFIG REQUIRED)
    endif()
    # whisper.cpp's version file has a name that CMake does not look for.
    string(TOUPPER ${part} upper)
    if(NOT ${part}_VERSION)
        set(${part}_VERSION ${${upper}_VERSION})
    endif()
    file(STRINGS ${VANTA_ENGINE_LOCK} accept REGEX "^${part}[ \t]+accept[ \t]")
    if(NOT accept MATCHES "accept[ \t]+([0-9.]+)[ \t]+([0-9.]+)")
        message(FATAL_ERROR "${VANTA_ENGINE_LOCK}: no line \"${part} accept FROM BELOW\"")
    endif()
    if(${part}_VERSION VERSION_LESS CMAKE_MATCH_1 OR
       ${part}_VERSION VERSION_GREATER_EQUAL CMAKE_MATCH_2)
        message(FATAL_ERROR "${part} ${${part}_VERSION} (${${part}_DIR}) is not accepted: "
            "from ${CMAKE_MATCH_1}, below ${CMAKE_MATCH_2}")
    endif()
endforeach()
get_filename_component(VANTA_ENGINE_FOUND_PREFIX ${llama_DIR}/../../.. ABSOLUTE)
