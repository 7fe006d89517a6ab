/*
 * A guest of a few hundred bytes, for tests that need a guest but no system in it.
 *
 * QEMU enters it in 32-bit protected mode without paging (PVH: ELF note 18 of owner "Xen" holds the entry).
 * It writes "GUEST READY nano" on the first serial port and halts until something happens: the ACPI power button
 * or 'p' on the serial port powers off, 'r' resets, 'c' reports a crash (pvpanic on ISA), 'w' lets the watchdog fire
 * at once (ib700), any other byte comes back.
 *
 * It waits for two interrupts only, so an idle guest costs nothing: 4 (serial port) and 9 (ACPI event).
 * The power management registers lie at 0x600, where SeaBIOS puts them on both the pc and the q35 board:
 * status +0, enable +2, control +4. Sleep type 0 is S5 on both.
 */
        .set    SERIAL, 0x3f8
        .set    POWER, 0x600
        .set    POWER_BUTTON, 0x100
        .set    PANIC, 0x505
        .set    WATCHDOG, 0x443
        .set    VECTORS, 0x30

        .section .note.Xen, "a", @note
        .balign 4
        .long   4, 4, 18
        .asciz  "Xen"
        .long   entry

        .text
        .code32
        .globl  entry
entry:  cli
        cld
        lgdt    gdt_register
        ljmp    $0x08, $segments
segments:
        mov     $0x10, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     $stack, %esp

        /* Every vector leads to the same place. */
        mov     $gates, %edi
        mov     $VECTORS, %ecx
        mov     $interrupt, %edx
        mov     %edx, %eax
        and     $0xffff, %eax
        or      $0x00080000, %eax       /* selector of the code segment */
        mov     $0x8e00, %dx            /* present, 32-bit interrupt gate */
gate:   stosl
        xchg    %eax, %edx
        stosl
        xchg    %eax, %edx
        loop    gate
        lidt    idt_register

        /* Interrupts 0 to 15 become vectors 0x20 to 0x2f; all but 2 (cascade), 4 and 9 are masked. */
        mov     $pic_setup, %esi
        mov     $(pic_setup_end - pic_setup) / 2, %ecx
        xor     %edx, %edx
program:
        lodsb
        mov     %al, %dl
        lodsb
        out     %al, %dx
        loop    program

        /* Everything is enabled before anybody is told that the guest is ready, so that nothing is missed. */
        mov     $SERIAL + 1, %dx        /* interrupt when a byte comes */
        mov     $1, %al
        out     %al, %dx
        mov     $SERIAL + 4, %dx        /* OUT2 lets the interrupt through to the controller */
        mov     $0x0b, %al
        out     %al, %dx
        mov     $POWER + 2, %dx
        mov     $POWER_BUTTON, %ax
        out     %ax, %dx

        mov     $greeting, %esi
greet:  lodsb
        test    %al, %al
        jz      look
        call    send
        jmp     greet

look:   mov     $POWER, %dx
        in      %dx, %ax
        test    $POWER_BUTTON, %ax
        jnz     power_off
        mov     $SERIAL + 5, %dx
        in      %dx, %al
        test    $1, %al
        jz      rest
        mov     $SERIAL, %dx
        in      %dx, %al
        cmp     $'p', %al
        je      power_off
        cmp     $'r', %al
        je      reset
        cmp     $'c', %al
        je      crash
        cmp     $'w', %al
        je      watchdog
        call    send
        jmp     look
crash:  mov     $PANIC, %dx
        mov     $1, %al                 /* panicked */
        out     %al, %dx
        jmp     look
watchdog:
        mov     $WATCHDOG, %dx
        mov     $0x0f, %al              /* in no seconds */
        out     %al, %dx
        jmp     look
rest:   sti                             /* takes effect after the next instruction: nothing is missed */
        hlt
        cli
        jmp     look

        /* What was interrupted is only the halt, so it is not returned to. */
interrupt:
        mov     $stack, %esp
        mov     $0x20, %al              /* end of interrupt, both controllers */
        out     %al, $0xa0
        out     %al, $0x20
        jmp     look

power_off:
        mov     $POWER + 4, %dx
        mov     $0x2000, %ax            /* sleep type 0, sleep enable */
        out     %ax, %dx
        jmp     stop
reset:  mov     $0xfe, %al              /* keyboard controller: pulse the reset line */
        out     %al, $0x64
stop:   cli
        hlt
        jmp     stop

send:   mov     %al, %ah
        mov     $SERIAL + 5, %dx
full:   in      %dx, %al
        test    $0x20, %al
        jz      full
        mov     %ah, %al
        mov     $SERIAL, %dx
        out     %al, %dx
        ret

greeting:
        .asciz  "GUEST READY nano\r\n"
pic_setup:                              /* port, value */
        .byte   0x20, 0x11,  0x21, 0x20,  0x21, 0x04,  0x21, 0x01,  0x21, 0xeb
        .byte   0xa0, 0x11,  0xa1, 0x28,  0xa1, 0x02,  0xa1, 0x01,  0xa1, 0xfd
pic_setup_end:

        .balign 8
gdt:    .quad   0
        .quad   0x00cf9a000000ffff      /* code: all 4 GiB */
        .quad   0x00cf92000000ffff      /* data: all 4 GiB */
gdt_register:
        .word   gdt_register - gdt - 1
        .long   gdt
idt_register:
        .word   VECTORS * 8 - 1
        .long   gates

        .bss
        .balign 16
gates:  .skip   VECTORS * 8
        .skip   512
stack:
        .section .note.GNU-stack, "", @progbits
