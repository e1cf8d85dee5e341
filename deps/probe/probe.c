/* Uses each engine once: that they link and load together is the finding. */
#include <ggml.h>
#include <llama.h>
#include <stdio.h>
#include <whisper.h>

int main(void)
{
    printf("ggml %s\n", ggml_version());
    printf("llama %s\n", llama_print_system_info());
    printf("whisper %s\n", whisper_version());
    return 0;
}
