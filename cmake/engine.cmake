# The helper program vanta-engine, the only one that links the engines (option VANTA_ENGINE).
# What is beside it in vanta-engine.build is compiled into it too: one line that changes when
# the engines do, with which receipts of tests are told apart.
include(${CMAKE_CURRENT_LIST_DIR}/engine-packages.cmake)
pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-uc>=67)
pkg_check_modules(SNDFILE REQUIRED IMPORTED_TARGET sndfile>=1.0.31)
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

file(GLOB engine_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/engines/helper/*.c)
if(NOT EXISTS ${PROJECT_SOURCE_DIR}/src/engines/helper/audio.c)
    list(FILTER engine_sources EXCLUDE REGEX "/whisper\\.c$")
endif()
if(NOT EXISTS ${PROJECT_SOURCE_DIR}/src/engines/helper/wordpiece.c)
    list(FILTER engine_sources EXCLUDE REGEX "/encoder_serve\\.c$")
endif()
add_executable(vanta-engine ${engine_sources})
target_compile_definitions(vanta-engine PRIVATE
    VANTA_ENGINE_BUILD="${VANTA_ENGINE_BUILD}")
# Backends that are there.
foreach(pair llama:LLM audio:WHISPER wordpiece:ENCODER audio_serve:AUDIO)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 file)
    list(GET pair 1 name)
    if(EXISTS ${PROJECT_SOURCE_DIR}/src/engines/helper/${file}.c)
        target_compile_definitions(vanta-engine PRIVATE VANTA_HAVE_${name})
    endif()
endforeach()
target_link_libraries(vanta-engine PRIVATE vanta_static llama whisper ggml::ggml
    PkgConfig::ICU PkgConfig::SNDFILE PkgConfig::SAMPLERATE)
set_target_properties(vanta-engine PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
if(NOT APPLE)
    # The engines find each other by this program's path too, where they have none of their
    # own; and no variable of the environment comes before it.
    target_link_options(vanta-engine PRIVATE -Wl,--disable-new-dtags)
endif()

# Installed: PREFIX/libexec/vanta/vanta-engine, its libraries in PREFIX/lib/vanta, found from
# the program's own place, so that the whole prefix can be moved.
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
set_target_properties(vanta-engine PROPERTIES INSTALL_RPATH "${engine_rpath}")
install(TARGETS vanta-engine RUNTIME DESTINATION ${engine_program_dir})
install(FILES ${PROJECT_BINARY_DIR}/vanta-engine.build DESTINATION ${engine_program_dir})
