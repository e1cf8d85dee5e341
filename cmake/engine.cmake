# The helper program vanta-engine, the only one that links the engines (option VANTA_ENGINE).
# What is beside it in vanta-engine.build is compiled into it too: one line that changes when
# the engines do, with which receipts of tests are told apart.
include(${CMAKE_CURRENT_LIST_DIR}/engine-packages.cmake)
pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-uc>=67 icu-i18n>=67)
pkg_check_modules(SNDFILE REQUIRED IMPORTED_TARGET sndfile>=1.1)
pkg_check_modules(SAMPLERATE REQUIRED IMPORTED_TARGET samplerate>=0.1.9)

# Engines of deps/build-engines.sh carry the key of their build and are installed with vanta;
# the system's stay where they are.
set(VANTA_ENGINE_KEY system)
set(VANTA_ENGINE_OWN FALSE)
if(EXISTS ${VANTA_ENGINE_FOUND_PREFIX}/vanta-engines)
    file(STRINGS ${VANTA_ENGINE_FOUND_PREFIX}/vanta-engines key REGEX "^key [0-9a-f]+$")
    string(REPLACE "key " "" VANTA_ENGINE_KEY "${key}")
    set(VANTA_ENGINE_OWN TRUE)
endif()
string(CONCAT VANTA_ENGINE_BUILD "${PROJECT_VERSION} llama.cpp-v${llama_VERSION} "
    "whisper.cpp-${whisper_VERSION} ggml-${ggml_VERSION} ${VANTA_ENGINE_KEY}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/vanta-engine.build
    CONTENT "${VANTA_ENGINE_BUILD}\n" @ONLY)

# All of the helper but its main(): the tests of its modules link it too.
set(engine_main ${PROJECT_SOURCE_DIR}/src/engines/helper/main.c)
file(GLOB engine_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/engines/helper/*.c)
list(REMOVE_ITEM engine_sources ${engine_main})
add_library(helper_objects OBJECT ${engine_sources})
target_compile_definitions(helper_objects PRIVATE
    VANTA_ENGINE_BUILD="${VANTA_ENGINE_BUILD}")
target_link_libraries(helper_objects PUBLIC vanta_static llama whisper ggml::ggml
    PkgConfig::ICU PkgConfig::SNDFILE PkgConfig::SAMPLERATE)

# engine_program TARGET FOLDER RPATH. The path is the final one from the start: what CMake
# would pad, to change it at installation, has an empty element, which means the current
# folder to the loader.
function(engine_program target folder rpath)
    add_executable(${target} ${engine_main})
    target_compile_definitions(${target} PRIVATE
        VANTA_ENGINE_BUILD="${VANTA_ENGINE_BUILD}")
    target_link_libraries(${target} PRIVATE helper_objects)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME vanta-engine
        RUNTIME_OUTPUT_DIRECTORY ${folder} BUILD_WITH_INSTALL_RPATH ON
        INSTALL_RPATH "${rpath}" LINKER_LANGUAGE CXX)
    if(NOT APPLE)
        # Each engine library is one of this program's own, found by its path, before which
        # no variable of the environment comes: that they are there when the engines ask for
        # each other keeps the engines' own search, which LD_LIBRARY_PATH leads, from all.
        target_link_options(${target} PRIVATE -Wl,--disable-new-dtags,--no-as-needed)
        target_link_libraries(${target} PRIVATE ggml::all)
    endif()
endfunction()

engine_program(vanta-engine ${PROJECT_BINARY_DIR} ${VANTA_ENGINE_FOUND_PREFIX}/lib)

# Installed: PREFIX/libexec/vanta/vanta-engine, its libraries in PREFIX/lib/vanta, found from
# the program's own place, so that the whole prefix can be moved. Linked apart for that.
if(VANTA_SANITIZE)
    return()
endif()
set(engine_program_dir ${CMAKE_INSTALL_LIBEXECDIR}/vanta)
set(engine_library_dir ${CMAKE_INSTALL_LIBDIR}/vanta)
if(VANTA_ENGINE_OWN)
    file(RELATIVE_PATH engine_libraries /${engine_program_dir} /${engine_library_dir})
    if(APPLE)
        set(engine_rpath "@loader_path/${engine_libraries}")
    else()
        set(engine_rpath "$ORIGIN/${engine_libraries}")
    endif()
    file(GLOB engine_files ${VANTA_ENGINE_FOUND_PREFIX}/lib/*.so
        ${VANTA_ENGINE_FOUND_PREFIX}/lib/*.so.* ${VANTA_ENGINE_FOUND_PREFIX}/lib/*.dylib)
    install(FILES ${engine_files} DESTINATION ${engine_library_dir}
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
            GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
else()
    set(engine_rpath ${VANTA_ENGINE_FOUND_PREFIX}/lib)
endif()
engine_program(vanta-engine-install ${PROJECT_BINARY_DIR}/install "${engine_rpath}")
install(PROGRAMS ${PROJECT_BINARY_DIR}/install/vanta-engine
    DESTINATION ${engine_program_dir})
install(FILES ${PROJECT_BINARY_DIR}/vanta-engine.build DESTINATION ${engine_program_dir})
