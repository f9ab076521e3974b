"""Conversations as transformers writes them, by templates in the manner of well-known families: chat-templates.json.
Run from this directory: python make_chat.py. Needs transformers (made with 5.24.0)."""

import json

from transformers import PreTrainedTokenizerFast

tokenizer = PreTrainedTokenizerFast.from_pretrained("chat")
NAMES = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}

TEMPLATES = {
    # as SmolLM2's: a system message of its own where there is none
    "chatml": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helper<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    # as Llama 3's: trims what is said, and begins with bos
    "headers": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<h>' + message['role'] + '</h>\n\n' + message['content'] | trim + '<|im_end|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<h>assistant</h>\n\n' }}{% endif %}",
    # as Gemma's: no system message, and turns that alternate; blocks on lines of their own
    "alternating": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {{ raise_exception('System role not supported') }}
{%- endif -%}
{%- for message in messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = 'model' -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<t>' + role + '\n' + message['content'] | trim + '</t>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<t>model\n' }}
{%- endif -%}
""",
    # as Mistral's: eos ends an answer, and the system message goes into the last words of the user
    "instruct": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\n\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- else %}
        {{- " " + message["content"] | trim + eos_token }}
    {%- endif %}
{%- endfor %}
""",
    # as Qwen 3's: takes the thoughts out of earlier answers, with namespaces and methods of strings
    "thoughts": """{%- set ns = namespace(last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if message.role == "user" and ns.last == messages|length - 1 %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if message.role == "assistant" %}
        {%- if '</think>' in content %}
            {%- set content = content.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
""",
    # blocks and comments on lines of their own, without dashes: trim_blocks and lstrip_blocks
    "lines": """{# a comment #}
{% for message in messages %}
    {% if message.role == 'system' %}
System: {{ message.content }}
    {% else %}
{{ message.role | title }}: {{ message.content }}
    {% endif %}
{% endfor %}
{% if add_generation_prompt %}
Assistant:{% endif %}

""",
}

CONVERSATIONS = [
    [{"role": "user", "content": "hi"}],
    [{"role": "system", "content": "be brief"}, {"role": "user", "content": "  hi there \n"}],
    [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "<think>hm</think>\n\nhello there"},
        {"role": "user", "content": "{{ bye }} {% now %}"},
    ],
    [
        {"role": "system", "content": "é €"},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": " hello there "},
        {"role": "user", "content": "bye\n\nnow"},
    ],
    [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}],
    [{"role": "user", "content": ""}],
]

cases = []
for name, template in TEMPLATES.items():
    for number, messages in enumerate(CONVERSATIONS):
        case = {"template": name, "conversation": number}
        try:
            options = {"chat_template": template, "add_generation_prompt": True, **NAMES}
            case["text"] = tokenizer.apply_chat_template(messages, tokenize=False, **options)
            case["ids"] = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options)
        except Exception as error:  # the template's own words
            case["refused"] = str(error)
        cases.append(case)

golden = {"names": NAMES, "templates": TEMPLATES, "conversations": CONVERSATIONS, "cases": cases}
with open("chat-templates.json", "w") as file:
    json.dump(golden, file, indent=1, ensure_ascii=False)
    file.write("\n")
