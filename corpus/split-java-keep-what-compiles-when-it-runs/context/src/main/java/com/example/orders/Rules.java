package com.example.orders;

import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

class Rules {
    final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
}
